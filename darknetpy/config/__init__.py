"""From text to sections to options: cfg files, data files, class names, and the networks we ship."""

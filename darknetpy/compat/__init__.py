"""Other programs' names for what darknetpy does, so that their scripts run with one changed import."""

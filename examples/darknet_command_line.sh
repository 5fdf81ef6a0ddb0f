#!/bin/sh
# Detect objects with Darknet's own command lines; written as scripts for Darknet are.
# Only one word differs: such a script says ./darknet where this one says darknetpy.
#
#   sh examples/darknet_command_line.sh my.data my.cfg my.weights photo.jpg
set -e
data=$1 cfg=$2 weights=$3 picture=$4

# one picture: what is in it, and where
darknetpy detector test "$data" "$cfg" "$weights" "$picture" -thresh 0.3 -ext_output -dont_show

# all pictures of a list, as JSON
echo "$picture" > list.txt
darknetpy detector test "$data" "$cfg" "$weights" -thresh 0.3 -dont_show -out result.json < list.txt > log.txt

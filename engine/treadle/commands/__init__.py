"""The commands of `treadle`, a file each: they read arguments and call what `import treadle` offers."""

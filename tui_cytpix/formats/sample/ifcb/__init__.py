"""IFCB bins: three files of one name."""

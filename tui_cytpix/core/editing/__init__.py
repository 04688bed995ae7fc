"""What an annotator's tools do to masks, by the image and by hand."""

"""The annotation editor: canvas, pens, what it says, looking back."""

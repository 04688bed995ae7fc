"""The annotation editor: canvas, pens, what it says, decisions, looking back."""

"""How pictures get onto the screen: as text cells, as Sixel, as Kitty graphics; one interface (`surface`)."""

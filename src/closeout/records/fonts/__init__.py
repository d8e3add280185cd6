"""The font that every PDF embeds; see NOTICE."""

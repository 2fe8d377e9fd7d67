"""Where a search runs and how it goes on; plain ones on the event loop; how one is explained."""

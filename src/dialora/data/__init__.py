"""From a source to batches: files or a hub id → rows → Examples → token ids."""

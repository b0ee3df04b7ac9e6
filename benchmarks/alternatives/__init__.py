"""What people use today, each written as such users write it; nothing here imports dialora's stages."""

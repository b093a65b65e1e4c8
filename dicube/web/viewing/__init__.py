"""What the viewer is given: stored values in blocks, planes, geometry and elements of a cube."""

"""What a TCN is compared with: recurrent networks of its size, FCN, ResNet, and simple models.

Networks share head, loss and metrics with those of `models`. MiniRocket, Hydra and nearest
neighbours with DTW are those of the package aeon. The package may know neither trials nor studies.
"""

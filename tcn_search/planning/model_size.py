"""Parameters and multiply-adds of a whole model, with its stem, its head and its linear path."""

from __future__ import annotations

from dataclasses import dataclass

from tcn_search.planning.architecture import Architecture
from tcn_search.planning.cost import body_channels, cost, tcn_parameters


@dataclass(frozen=True)
class ModelShape:
    """The numbers of a task on which the size of a model depends.

    Args:
        seq_len: steps of the sequences.
        input_channels: channels of the model's input.
        outputs: numbers that the model predicts, quantiles apart.
        vocabulary: number of tokens, if inputs are tokens; 0 otherwise.
        targets: of a forecast, how many of the channels are predicted; 0 where that is not known.
        future_channels: of a forecast, covariates that are known over the horizon.
        quantiles: predicted for each output; 0 for a single number.
    """

    seq_len: int
    input_channels: int
    outputs: int
    vocabulary: int = 0
    targets: int = 0
    future_channels: int = 0
    quantiles: int = 0

    @property
    def horizon(self) -> int:
        """Steps of a forecast."""
        return self.outputs // max(self.targets, 1)

    @property
    def future_values(self) -> int:
        """Values of covariates over the horizon, which enter the head."""
        return self.horizon * self.future_channels

    def networks(self, architecture: Architecture) -> int:
        """Return how often the network runs for one sequence: once, or once for each series."""
        if architecture.channels == "shared":
            return self.targets
        return 1

    def tcn_steps(self, architecture: Architecture) -> int:
        """Return the steps of the TCN's input: of the look-back, or its patches."""
        return architecture.patches_of(architecture.steps_of(self.seq_len))

    def network_channels(self, architecture: Architecture) -> int:
        """Return the channels of the network's input, in front of a stem."""
        channels = body_channels(architecture, self.input_channels, self.vocabulary)
        if architecture.channels == "shared":
            return channels - self.targets + 1
        return channels

    def tcn_channels(self, architecture: Architecture) -> int:
        """Return the channels of the TCN's input: a stem maps patches to the TCN's filters."""
        if architecture.patch > 1:
            return architecture.level_filters[0]
        return self.network_channels(architecture)

    def parameters(self, architecture: Architecture) -> int:
        """Return the parameters of the whole model, as Keras' `count_params()` counts them."""
        total = tcn_parameters(architecture, self.tcn_channels(architecture))
        if architecture.patch > 1:
            patch_values = architecture.patch * self.network_channels(architecture)
            total += (patch_values + 1) * architecture.level_filters[0]
        outputs = self.outputs // self.networks(architecture)
        outputs *= max(1, self.quantiles)
        total += (self.features(architecture) + self.future_values + 1) * outputs
        if architecture.linear_path:
            inputs = architecture.steps_of(self.seq_len) + self.future_values
            total += (inputs + 1) * self.horizon
        return total

    def features(self, architecture: Architecture) -> int:
        """Return how many numbers the head gets of the TCN: of one step, or of all with flatten."""
        filters = architecture.level_filters[-1]
        if architecture.readout == "flatten":
            return filters * self.tcn_steps(architecture)
        return filters

    def multiply_adds(self, architecture: Architecture) -> int:
        """Return the multiply-adds of stem and TCN for one sequence at inference.

        With the readout "last", only those that the last step needs.
        """
        steps = self.tcn_steps(architecture)
        alone = architecture.tcn_alone
        counted = cost(alone, self.tcn_channels(architecture), steps)
        total = counted.multiply_adds
        if architecture.readout == "last":
            total = counted.multiply_adds_last_step
        if architecture.patch > 1:
            patch_values = architecture.patch * self.network_channels(architecture)
            total += steps * patch_values * architecture.level_filters[0]
        return total * self.networks(architecture)

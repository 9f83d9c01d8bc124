"""Generated architectures: kernel 1 to 9, unsorted and repeated dilations, stacks, all paddings."""

from hypothesis import strategies as st

from tcn_search.planning.architecture import Architecture


@st.composite
def architectures(
    draw: st.DrawFn,
    paddings: tuple[str, ...] = ("causal", "same", "valid"),
    most_filters: int = 1,
    norms: tuple[str, ...] = ("none",),
    most_levels: int = 4,
    longest_dilation: int = 12,
) -> Architecture:
    return Architecture(
        nb_filters=draw(st.integers(1, most_filters)),
        kernel_size=draw(st.integers(1, 9)),
        dilations=tuple(
            draw(st.lists(st.integers(1, longest_dilation), min_size=1, max_size=most_levels))
        ),
        nb_stacks=draw(st.integers(1, 3)),
        padding=draw(st.sampled_from(paddings)),
        use_skip_connections=draw(st.booleans()),
        norm=draw(st.sampled_from(norms)),
        activation="linear",
    )

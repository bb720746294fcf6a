"""How hard hypothesis tries: a run of the whole program takes a quarter of a second."""

from hypothesis import HealthCheck, Phase, settings

END_TO_END = settings(
    max_examples=10,
    deadline=None,
    # Shrinking runs the program hundreds of times; a collection is small enough to be read as it is.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

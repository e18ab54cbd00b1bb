"""A simulated cluster ends, and counts what crashes cost; estimates take a zero for what it says."""

import pytest

from generation.editing.executors.options import ExecutorOptions, SlurmOptions
from generation.monitoring.simulation import Cluster, simulate
from tests.generation.editing.test_waves import planned

PLAN = [planned(f"image-{number:03d}", 1, "sd2") for number in range(200)]


def test_crashes_cost_busy_time():
    calm = simulate(PLAN, {"sd2": 10.0}, 30.0, Cluster(4))
    rough = simulate(PLAN, {"sd2": 10.0}, 30.0, Cluster(4, crashes_per_hour=20.0))

    assert rough.crashes > 0
    assert len(rough.finished) == len(PLAN)
    assert rough.busy_seconds > calm.busy_seconds


def test_a_cluster_on_which_nothing_gets_finished_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"crashes an hour.*give fewer"):
        simulate(PLAN, {"sd2": 10.0}, 30.0, Cluster(4, crashes_per_hour=3600.0))


def test_slurm_without_a_partition_is_refused():
    with pytest.raises(ValueError, match="needs --partition"):
        ExecutorOptions("slurm", 2, slurm=SlurmOptions(""))

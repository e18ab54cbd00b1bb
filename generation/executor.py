"""datatrove's local executor, with its console log left to the log files."""

from typing import Any

from datatrove.executor.local import LocalPipelineExecutor


class QuietLocalExecutor(LocalPipelineExecutor):
    """Logs errors alone to the console; the log files in `logging_dir` hold everything."""

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> Any:
        # datatrove shows the log of local rank 0 and only the errors of the others
        return super()._run_for_rank(rank, local_rank=local_rank + 1, node_rank=node_rank)

"""The errors of pipelines."""

from typing import Any

import pytest

from api.aggregation.errors import PipelineError
from api.aggregation.pipeline import check_pipeline


def error_of(pipeline: Any) -> PipelineError:
    with pytest.raises(PipelineError) as refused:
        check_pipeline(pipeline, 10)
    return refused.value

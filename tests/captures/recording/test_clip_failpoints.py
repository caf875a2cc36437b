"""A camera process killed at each failpoint of finalizing a clip: the next process recovers the clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.camera_processes.recorded_clips import RECORDING, clips_of, numbers, records_of
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.slow

FAST = {"fps": 30, "width": 320, "height": 240, "exposure_us": 1000}
POINTS = ("after_plan", "after_record", "after_place", "after_done")


def unfinished_files(process: CameraProcess) -> list[str]:
    names = [path.name for path in (process.spool / "clips").iterdir()]
    return [
        name for name in names if not name.startswith(("slot-", ".lock", "rejected")) and not name.endswith(".done")
    ]


@pytest.mark.parametrize("passes", [0, 1])
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_step_loses_and_duplicates_no_clip(tmp_path: Path, point: str, passes: int) -> None:
    recording = {**RECORDING, "clip_s": 0.5}
    with CameraProcess(tmp_path, settings=FAST, recording=recording, kill={"point": point, "passes": passes}) as killed:
        killed.process.wait(PATIENCE_S)
    lengths = [len(numbers([file])) for file in clips_of(killed)]
    with CameraProcess(tmp_path, settings=FAST, recording=recording) as process:
        process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 5)
        process.wait_for_type("answer", command_id=process.send("record", recording=None))
        records, files = records_of(process), clips_of(process)
        assert unfinished_files(process) == []
    assert [record["files"][0]["path"] for record in records] == [str(file.relative_to(tmp_path)) for file in files]
    assert [record["body"]["frames"] for record in records] == [len(numbers([file])) for file in files]
    assert [len(numbers([file])) for file in files][: len(lengths)] == lengths
    assert list((process.spool / "clips" / "rejected").iterdir()) == []

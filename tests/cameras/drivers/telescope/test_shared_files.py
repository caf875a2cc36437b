"""Files of an image that the controller writes into a shared folder, on one clock."""

from __future__ import annotations

from pathlib import Path

from scheduler.telescope.driver.running_exposure import BLOCK_BYTES, LOOK_S, SharedFolder
from tests.harness.clocks.shared_time import SharedTime


def test_a_file_that_grows_by_whole_blocks_is_waited_for(tmp_path: Path, clock: SharedTime) -> None:
    path = tmp_path / "image_0.fits"
    path.write_bytes(bytes(BLOCK_BYTES))

    def write_the_rest() -> None:
        clock.sleep(LOOK_S / 2)
        with path.open("ab") as file:
            file.write(bytes(BLOCK_BYTES))

    writing = clock.start_thread(write_the_rest, "controller")
    files, warnings = SharedFolder(str(tmp_path), clock).wait_for("image")
    clock.join(writing)
    assert ([file.size for file in files], warnings) == ([2 * BLOCK_BYTES], [])

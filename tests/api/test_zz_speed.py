import time
from datetime import timedelta
from tests.api.test_captures import *
from captures.capturing import bodies as B

def test_speed(viewer, camera, root):
    for n in range(200):
        c = saved(camera, started_at=EVENING + timedelta(seconds=n), ended_at=EVENING, asked={"exposure_us": 900})
        file_of(c, root, width=640, height=480)
    rows = list(captures_for(User.objects.get(username="vera")) if False else __import__("captures.models").models.Capture.objects.select_related("camera").prefetch_related("files","references"))
    best=[]
    for _ in range(15):
        t=time.perf_counter(); [B.capture_body(r) for r in rows]; best.append(time.perf_counter()-t)
    print(f"\nBODY {min(best)/200*1e6:.2f} us/row")
    best=[]
    for _ in range(25):
        t=time.perf_counter(); a=viewer.get(URL+"?limit=200"); best.append(time.perf_counter()-t)
    assert len(a.json()["results"])==200
    print(f"LIST min {min(best)*1e3:.2f} ms median {sorted(best)[12]*1e3:.2f} ms")

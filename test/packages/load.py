"""Asks Apache for a page and djauth for a verdict without pause, until SIGTERM; then prints what was answered, as JSON."""
import base64
import collections
import http.client
import json
import signal
import subprocess
import threading

PASSWORD = "correct horse"
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
seen = collections.Counter()
lock = threading.Lock()


def page():
    """One connection a request, so that a restart of Apache is noticed."""
    header = {"Authorization": "Basic " + base64.b64encode(f"alice:{PASSWORD}".encode()).decode()}
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=30)
        connection.request("GET", "/private/", headers=header)
        return f"page {connection.getresponse().status}"
    except OSError as error:
        return f"page {type(error).__name__}"


def command():
    # The command's own file is missing for a moment while dpkg replaces it; the question is what is tested.
    try:
        done = subprocess.run(["/root/djauth", "check", "--quiet", "alice"], input=PASSWORD.encode(), stderr=subprocess.DEVNULL)
        return f"djauth {done.returncode}"
    except OSError as error:
        return f"djauth {type(error).__name__}"


def loop(ask):
    while not stop.is_set():
        answer = ask()
        with lock:
            seen[answer] += 1


threads = [threading.Thread(target=loop, args=(ask,)) for ask in (page, page, page, command)]
for thread in threads:
    thread.start()
stop.wait()
for thread in threads:
    thread.join()
print(json.dumps(seen))

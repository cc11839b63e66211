"""A changed configuration: taken over when it is good, refused and told when it is not."""

import signal
import socket
from dataclasses import replace

from monitor.simulator.script import Mix, Plan
from tests.app.site import Daemon, Place, Site, until

OURS = Plan(
    name="Ours",
    contacts=450,
    concurrency=4,
    pace=0.2,
    ring=(0.1, 0.2),
    talk=(0.2, 0.4),
    mix=Mix(no_answer=0.1, failed=0.6),
)


def reloaded(place: Place) -> None:
    """One daemon's story: a bad change, its repair, a threshold, a provider and a receiver gone."""
    site = place.site
    site.run(lambda: site.renewals.open(OURS))
    site.run(lambda: site.surveys.open(replace(OURS, name="Theirs")))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(place.directory / "notify"))
        manager.settimeout(10)
        good = place.configure()
        daemon = place.start(NOTIFY_SOCKET=str(place.directory / "notify"))
        until(lambda: len(site.posts("FIRING", "error_spike")) == 2, 30)
        episodes = daemon.rows("select key, fired_at from alerts where rule = 'error_spike'")

        bad_line = good.splitlines().index("[providers.surveys]") + 2
        place.write(good.replace("[providers.surveys]\n", "[providers.surveys]\nnonsense = 3\n"))
        refused_and_told(site, daemon, f"config.toml:{bad_line}: providers.surveys.nonsense")

        place.configure(
            **{
                "web": 'listen = "127.0.0.2:0"\n',
                "providers.surveys": "",
                "receivers.hook": "",
                "routes": '[[routes]]\nreceivers = ["bot"]\ngroup_wait = "0s"\n',
                "rules.error_spike": 'window = "5m"\nmin_calls = 15\nthreshold = 0.9\nstreak = 0\n',
            }
        )
        taken_over(site, daemon)
        (restart,) = daemon.logged("restart_needed")
        assert restart["text"] == "web.listen changed: restart offhook to use it"

        assert daemon.rows("select key, fired_at from alerts where rule = 'error_spike'") == (
            episodes
        )
        assert daemon.stop() == 0
        assert said(manager) == [
            "READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "READY=1", "STOPPING=1"
        ]  # fmt: skip


def refused_and_told(site: Site, daemon: Daemon, place: str) -> None:
    until(lambda: site.posts("FIRING", "self_config_rejected", place))
    assert len(daemon.logged("reload_refused")) == 1
    assert not daemon.logged("reloaded")
    assert "\noffhook_config_last_reload_successful 0.0\n" in daemon.get("/metrics").text
    assert daemon.get("/-/ready").status_code == 200
    assert daemon.alerts("error_spike")[0][0] == "firing"


def taken_over(site: Site, daemon: Daemon) -> None:
    (told,) = site.posts("self_config_rejected")
    until(lambda: "RESOLVED" in told.text)
    by_hook = len(site.posts(channel=site.hook))
    ours, theirs = (
        next(post for post in site.posts("error_spike", name)) for name in ("Ours", "Theirs")
    )
    until(lambda: "recovered" not in theirs.text and "rule changed" in theirs.text)
    until(lambda: "RESOLVED" in ours.text)

    # Nobody is pinged about a rule that has no place any more: no new message, no reply.
    assert {post.text for post in site.slack.replies(theirs)} == set()
    assert len(site.posts(channel=site.hook)) == by_hook
    assert 'provider="surveys"' not in daemon.get("/metrics").text
    assert "\noffhook_config_last_reload_successful 1.0\n" in daemon.get("/metrics").text


def said(manager: socket.socket) -> list[str]:
    """The first words of what the service manager was told, the watchdog left out."""
    manager.settimeout(0.2)
    found = []
    try:
        while True:
            lines = manager.recv(1024).decode().splitlines()
            if lines[0] == "RELOADING=1":
                assert lines[1].removeprefix("MONOTONIC_USEC=").isdigit()
            if lines[0] != "WATCHDOG=1":
                found.append(lines[0])
    except TimeoutError:
        return found


def signalled(place: Place) -> None:
    """A signal reloads too; what needs a restart stays as it was, however often it is read."""
    text = place.configure()
    daemon = place.start()
    until(lambda: len(daemon.rows("select 1 from providers where baseline_at > 0")) == 2)

    daemon.process.send_signal(signal.SIGHUP)
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.logged("reloaded"))

    place.write(text.replace('/data"', '/elsewhere"'))
    until(lambda: daemon.logged("restart_needed"))
    known = len(daemon.logged("reloaded"))
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: len(daemon.logged("reloaded")) > known)
    assert {each["text"] for each in daemon.logged("restart_needed")} == {
        "monitor.data_dir changed: restart offhook to use it"
    }
    until(lambda: len(daemon.logged("restart_needed")) > 1)
    assert not (place.directory / "elsewhere").exists()

    place.write(text + 'api_key "gat_simulated"')
    until(lambda: place.site.posts("self_config_rejected"))
    (told,) = place.site.posts("self_config_rejected")
    assert f": config.toml:{len(text.splitlines()) + 1}: is not TOML: " in told.text
    assert "gat_simulated" not in told.shown + daemon.log.read_text()
    assert daemon.get("/-/ready").status_code == 200
    assert daemon.stop() == 0

"""Notification channels, their routes, what they sent, and silences of alerts, as resources."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from core.api.queries import PageQuery
from core.events.severity import Severity
from core.resources.fields import Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import ClockTime, Column, Duration, Flag, Id, Reference, Text
from core.times.timestamps import Stamp
from monitoring.notification_states import NotificationKind, NotificationState

DAY_S = 86_400
YEAR_S = 365 * DAY_S
CHANNEL = Reference("monitoring.notifications.resource.CHANNELS")
Name = Annotated[Text, Field(min_length=1, max_length=60)]
KeyPrefix = Annotated[Text, Field(max_length=120)]
Slug = Annotated[Text, Field(max_length=60)]
Reason = Annotated[Text, Field(max_length=200)]


class ChannelRequest(Fields):
    """A new channel. `settings` are those of its kind."""

    name: Name = field(title="Name", help="Its name, unique: who or what is notified.")
    kind: Annotated[str, Field(max_length=20)] = field(title="Kind", help="Kind of the channel. It cannot be changed.")
    settings: dict[str, Any] = field(
        title="Settings", help="The settings of the kind (docs/operating/notifications.md); those that are missing get "
        "their defaults. A secret that is missing stays.",
    )  # fmt: skip
    enabled: bool = field(True, title="On", help="Whether it sends.")


class NotificationChannelChange(Fields):
    """Only the fields and settings that are given change."""

    name: Name | None = field(None, title="Name", help="Its name, unique.")
    settings: dict[str, Any] | None = field(None, title="Settings", help="Those of its kind that change.")
    enabled: bool | None = field(
        None, title="On", help="What waits is cancelled, and its alerts go to the next route that matches."
    )


class NotificationChannelBody(Fields):
    id: Annotated[Id, Column("pk")]
    name: str
    kind: str
    settings: Annotated[dict[str, Any], Column("settings_shown")]
    enabled: bool
    failing_since: Stamp | None
    last_error: str
    last_sent: Annotated[Stamp | None, Column("last_sent_at")]
    pending: int
    created_by: str
    created: Annotated[Stamp, Column("created_at")]


class RouteRequest(Fields):
    """A route. `channel` and `escalate_to` are ids of channels."""

    name: Name = field(title="Name", help="Its name, unique.", example="night shift")
    channel: Annotated[UUID, CHANNEL] = field(title="Channel", help="The channel that its alerts go to.")
    position: int = field(0, title="Position", help="Routes are tried in this order.", ge=0, le=1000)
    enabled: bool = field(True, title="On", help="Whether it is used.")
    continue_matching: bool = field(False, title="Try later routes, too", help="Whether later routes are tried, too.")
    severity: Severity = field(Severity.WARNING, title="Lowest severity", help="The lowest severity that matches.")
    key_prefix: KeyPrefix = field(
        "", title="Key begins with", help="The beginning of the alert's key.", example="camera."
    )
    camera: Slug = field("", title="Camera", help="The id of the alert's camera.")
    host: Annotated[Text, Field(max_length=64)] = field("", title="Host", help="The alert's host.")
    active_from: ClockTime = field(
        "",
        title="Only from",
        help="The time of the site's clock from which it matches; empty: at all times.",
        example="22:00",
    )
    active_until: ClockTime = field("", title="Only until", help="Matches only until this time.", example="06:00")
    quiet_from: ClockTime = field(
        "", title="Quiet from", help="What is not critical waits from this time of the site's clock.", example="22:00"
    )
    quiet_until: ClockTime = field("", title="Quiet until", help="End of the quiet hours.", example="06:00")
    group_wait_s: int = field(
        10, title="Wait for a group, in seconds", help="Alerts that open within these seconds go in one message.",
        ge=0, le=3600,
    )  # fmt: skip
    repeat_every_s: int = field(
        0, title="Repeat every, in seconds", help="While no one acknowledges; 0: no repetition.", ge=0, le=7 * DAY_S,
        allowed="0, or a whole number from 60 to 604800",
    )  # fmt: skip
    escalate_after_s: int = field(
        0,
        title="Escalate after, in seconds",
        help="When another channel is told; 0: no escalation.",
        ge=0,
        le=7 * DAY_S,
    )
    escalate_to: Annotated[UUID | None, CHANNEL] = field(None, title="Escalate to", help="The channel that is told.")
    notify_resolved: bool = field(True, title="Tell when it is resolved", help="Whether the end of an alert is told.")
    attach_picture: bool = field(
        True, title="Attach a picture", help="Whether a picture is sent, where the channel can."
    )
    night_reports: bool = field(
        False, title="Reports of nights", help="Whether its channel gets the reports of nights."
    )

    @model_validator(mode="after")
    def both_or_neither(self) -> Self:
        for one, other, what in (
            (self.active_from, self.active_until, "active_from and active_until"),
            (self.quiet_from, self.quiet_until, "quiet_from and quiet_until"),
        ):
            if bool(one) != bool(other) or (one and one == other):
                raise ValueError(f"Give {what} two different times, or leave both out.")
        if 0 < self.repeat_every_s < 60:
            raise ValueError("Repeat at most once a minute: repeat_every_s is 0, or 60 and more.")
        if bool(self.escalate_after_s) != bool(self.escalate_to):
            raise ValueError("An escalation needs both escalate_after_s and escalate_to.")
        return self


class RouteBody(RouteRequest):
    """A route, as it is stored."""

    id: Annotated[Id, Column("pk")]
    channel: Annotated[Id, Column("channel_id"), CHANNEL]
    escalate_to: Annotated[Id | None, Column("escalate_to_id"), CHANNEL]


class NotificationBody(Fields):
    """What was sent, waits or failed. `next`: when the next attempt is due, while it waits."""

    id: Annotated[Id, Column("pk")]
    channel: Annotated[Id, Column("channel_id"), CHANNEL]
    route: Annotated[Id | None, Column("route_id")]
    kind: str
    alert: Id | None
    state: str
    tries: int
    next: Annotated[Stamp | None, Column("next_at")]
    error: str
    created: Annotated[Stamp, Column("created_at")]
    ended: Annotated[Stamp | None, Column("ended_at")]


class NotificationQuery(PageQuery):
    state: NotificationState | None = field(None, help="Only notifications in this state.")
    kind: NotificationKind | None = field(None, help="Only notifications of this kind.")
    channel: Annotated[UUID | None, CHANNEL] = field(None, help="Only those of this channel.")
    alert: UUID | None = field(None, help="Only those of this alert.")


class SilenceAlertRequest(Fields):
    """Without `for_s` the silence ends when the alert is resolved."""

    for_s: Annotated[int, Field(ge=60, le=YEAR_S)] | None = None
    reason: Reason = ""


class SilenceRequest(Fields):
    """Alerts that match all that is given are silenced."""

    for_s: Annotated[int, Duration()] = field(
        title="For", help="How long no one is notified.", example="8 h", ge=60, le=YEAR_S
    )
    key_prefix: KeyPrefix = field("", title="Key begins with", help="The beginning of the keys of alerts.")
    camera: Slug = field("", title="Camera", help="The id of the camera of alerts.")
    reason: Reason = field("", title="Reason", help="Why, for those who look at the alert.")

    @model_validator(mode="after")
    def has_a_condition(self) -> Self:
        if not self.key_prefix and not self.camera:
            raise ValueError("Give key_prefix or camera: a silence of all alerts would hide too much.")
        return self


class SilenceQuery(PageQuery):
    active: Annotated[bool | None, Flag("--active/--ended")] = field(
        None, help="Only silences that hold now, or only those that have ended."
    )

    def filtered(self, rows: Any, _user: Any) -> Any:
        # The description is read without Django.
        from monitoring.notifications.selectors import active_silences

        active = active_silences().values("pk")
        return (
            rows if self.active is None else rows.filter(pk__in=active) if self.active else rows.exclude(pk__in=active)
        )


class SilenceBody(Fields):
    id: Annotated[Id, Column("pk")]
    key: str
    key_prefix: str
    camera: str
    reason: str
    created_by: str
    created: Annotated[Stamp, Column("created_at")]
    ends: Annotated[Stamp | None, Column("ends_at")]
    ended: Annotated[Stamp | None, Column("ended_at")]
    ended_by: str


CHANNELS = Resource(
    name="notification_channels",
    noun="channel",
    path="notifications/channels/",
    package="monitoring.notifications",
    rows="selectors.channels_for",
    row="selectors.channel_for",
    prepare="selectors.with_pending",
    answer=NotificationChannelBody,
    operations=(
        Operation("list", "manager", "List the channels with their state, backlog and last error."),
        Operation(
            "add", "manager", "Add a channel. Its secrets are never shown.", "services.add_channel", ChannelRequest,
            "Added: the channel {name}.", keyless="It has a secret, of which no digest is stored.",
            arguments=("name", "kind"),
            example="notifications add shift ntfy --set server=https://ntfy.sh --secret topic",
        ),
        Operation("show", "manager", "Show the channel.", command=None),
        Operation(
            "change", "manager", "Change the channel. Another destination needs its secrets again.",
            "services.change_channel", NotificationChannelChange, "Changed: the channel {name}.",
            example="notifications change mail --set recipients=anna@example.org,bob@example.org",
        ),
        Operation(
            "test", "manager", "Send a real message over the channel alone.", "services.send_test", command=None,
            answer=NotificationBody, keyless="A repetition tests again.",
        ),
        Operation(
            "remove", "manager", "Remove the channel with its routes. What waits is not sent.",
            "services.remove_channel",
        ),
    ),
    commands="notifications",
    kinds="monitoring.notifications.channels.base.CHANNEL_KINDS",
    columns=(
        "name", "kind", ("on", "enabled"), ("waiting", "pending"), ("failing since", "failing_since"),
        ("last error", "last_error"),
    ),
    empty="No channels: no one is notified of alerts.",
)  # fmt: skip

ROUTES = Resource(
    name="notification_routes",
    noun="route",
    path="notifications/routes/",
    package="monitoring.notifications",
    rows="selectors.routes_for",
    row="selectors.route_for",
    answer=RouteBody,
    operations=(
        Operation("list", "manager", "List the routes, in the order in which they are tried.", command="routes"),
        Operation(
            "add", "manager", "Add a route: which alerts go to a channel.", "services.add_route", RouteRequest,
            command="add-route", arguments=("name", "channel"), has_assignments=True,
            example="notifications add-route night shift --set severity=error --set repeat_every_s=1800",
        ),
        Operation("show", "manager", "Show the route.", command=None),
        Operation(
            "change", "manager", "Replace the route. What waits already stays as it is planned.",
            "services.change_route", RouteRequest, replaces=True, command=None,
        ),
        Operation(
            "remove", "manager", "Remove the route. What waits because of it is still sent.", "services.remove_route",
            command="remove-route",
        ),
    ),
    commands="notifications",
    columns=(
        "position", "name", ("on", "enabled"), "severity", ("key", "key_prefix"), "camera", "host", "channel",
    ),
    empty="No routes: no one is notified of alerts.",
)  # fmt: skip

NOTIFICATIONS = Resource(
    name="notifications",
    noun="notification",
    path="notifications/",
    package="monitoring.notifications",
    rows="selectors.notifications_for",
    row="",
    answer=NotificationBody,
    operations=(
        Operation(
            "list", "manager", "List what was sent, waits or failed, newest first.", query=NotificationQuery,
            command="sent", example="notifications sent --state failed",
        ),
    ),
    commands="notifications",
    columns=("channel", "kind", "state", ("attempts", "tries"), ("since", "created"), "error"),
    empty="Nothing was sent yet.",
)  # fmt: skip

SILENCES = Resource(
    name="silences",
    noun="silence",
    path="silences/",
    package="monitoring.notifications",
    rows="selectors.silences_for",
    row="selectors.silence_for",
    answer=SilenceBody,
    operations=(
        Operation("list", "viewer", "List the silences of alerts, newest first.", query=SilenceQuery),
        Operation(
            "add", "manager", "Silence alerts of a camera, or those with keys that begin so.",
            "silences.silence_matching", SilenceRequest, "Added: no one is notified of alerts that match.",
            example="silences add --for 8h --key-prefix camera. --reason cleaning",
        ),
        Operation(
            "end", "operator", "End the silence now. One that has ended does not change.", "silences.end_silence",
            said="The silence has ended.", example="silences end 01a1fc97-f1ce",
        ),
    ),
    commands="silences",
    columns=(
        "id", "key", ("keys from", "key_prefix"), "camera", "created", ("until", "ends"), "ended", ("by", "created_by"),
        "reason",
    ),
    empty="No silences. Alerts that match a silence still open, but no one is notified of them.",
)  # fmt: skip

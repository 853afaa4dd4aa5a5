"""What is said: the task events, their CloudEvents envelope and their schemas."""

from task_events.envelope import Envelope, HttpMessage, from_http, task_event, to_binary, to_structured
from task_events.errors import ContractError, MalformedEvent
from task_events.events import EVENT_TYPES, SOURCE, EventType, Task, TaskEvent, TaskEventData

__all__ = [
    "EVENT_TYPES",
    "SOURCE",
    "ContractError",
    "Envelope",
    "EventType",
    "HttpMessage",
    "MalformedEvent",
    "Task",
    "TaskEvent",
    "TaskEventData",
    "from_http",
    "task_event",
    "to_binary",
    "to_structured",
]

"""The consumer on the page on Kafka runs against the mock cluster of confluent-kafka."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docs_samples import ROOT
from hang import HANG
from markdown_blocks import blocks

from scamdetect import ScamDetector

kafka = pytest.importorskip("confluent_kafka", reason="needs the extra dev")

pytestmark = [pytest.mark.network_loopback, pytest.mark.slow]

PAGE = ROOT / "docs" / "howto" / "scale.md"
GOOD = [f"guaranteed bitcoin profit {number}" for number in range(6)]
POISON = [b"", b"{", b"\xff\xfe", b'"text"', b'{"text": 7}', b"[" * 100_000]


@pytest.fixture
def program() -> dict[str, Any]:
    """Return the names of the program on the page, with a batch that is soon full."""
    names: dict[str, Any] = {"__name__": "kafka_page"}
    (code,) = (block.code for block in blocks(PAGE) if "confluent_kafka" in block.code)
    exec(compile(code, PAGE.name, "exec"), names)
    names["BATCH"] = 4
    return names


@pytest.fixture
def servers() -> Iterator[dict[str, str]]:
    """Start a mock cluster, which lives as long as the client that made it."""
    owner = kafka.Producer({"test.mock.num.brokers": 1})
    (broker,) = owner.list_topics(timeout=HANG).brokers.values()
    yield {"bootstrap.servers": f"{broker.host}:{broker.port}"}
    del owner


@pytest.fixture
def work(servers: dict[str, str], program: dict[str, Any], detector: ScamDetector) -> Callable:
    """Return a function that runs the program until so many answers are stored."""

    def until(answers: int, producer: Any = None) -> None:  # noqa: ANN401
        producer = producer or Counting(servers)
        reading = {
            "group.id": "scamdetect",
            "session.timeout.ms": 6000,  # how long the mock waits for a member that left
            "heartbeat.interval.ms": 500,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
        consumer = kafka.Consumer(servers | reading)
        turns = iter(range(HANG))
        program["run"](
            consumer, producer, detector, lambda: producer.stored < answers and next(turns, -1) >= 0
        )
        assert producer.stored == answers

    return until


class Counting:
    """A producer that counts what the broker has stored, and may fail before it."""

    def __init__(self, servers: dict[str, str], fails: bool = False) -> None:
        self.real = kafka.Producer(servers | {"enable.idempotence": True})
        self.stored, self.waiting, self.fails = 0, 0, fails

    def produce(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        if self.fails:
            named["on_delivery"](kafka.KafkaError(kafka.KafkaError._MSG_TIMED_OUT), None)
            return
        self.waiting += 1
        self.real.produce(*arguments, **named)

    def flush(self) -> None:
        assert self.real.flush(60) == 0
        self.stored, self.waiting = self.stored + self.waiting, 0


def fill(servers: dict[str, str], values: list[bytes]) -> None:
    producer = kafka.Producer(servers)
    for number, value in enumerate(values):
        producer.produce("messages", key=str(number), value=value)
    assert producer.flush(60) == 0


def read(servers: dict[str, str], topic: str, count: int) -> list[Any]:
    consumer = kafka.Consumer(servers | {"group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[Any] = []
    for _ in range(HANG):
        if len(found) == count:
            break
        found += consumer.consume(count - len(found), 1.0)
    consumer.close()
    assert len(found) == count
    return found


def good() -> list[bytes]:
    return [json.dumps({"text": text}).encode() for text in GOOD]


def test_every_record_gets_one_decision_or_reject(
    servers: dict[str, str], work: Callable, detector: ScamDetector
) -> None:
    values = [value for pair in zip(good(), POISON, strict=True) for value in pair]
    fill(servers, values)
    work(len(values))
    fill(servers, good()[:1])
    work(1)  # goes on where the first run committed
    decisions = read(servers, "decisions", 7)
    assert Counter(int(one.key()) for one in decisions) == {0: 2, 2: 1, 4: 1, 6: 1, 8: 1, 10: 1}
    wanted = dict(zip(range(0, 12, 2), detector.predict(GOOD), strict=True))
    for one in decisions:
        answer = json.loads(one.value())
        assert answer["topic"] == "messages" and {"partition", "offset"} <= set(answer)
        prediction = wanted[int(one.key())]
        assert answer["decision"] == prediction.decision.value
        assert answer["scam_probability"] == pytest.approx(prediction.scam_probability, rel=1e-4)
    rejects = read(servers, "rejected", 6)
    assert {int(one.key()) for one in rejects} == {1, 3, 5, 7, 9, 11}


def test_what_the_broker_did_not_store_is_read_again(
    servers: dict[str, str], work: Callable
) -> None:
    fill(servers, good())
    with pytest.raises(kafka.KafkaException):
        work(6, Counting(servers, fails=True))
    work(6)
    answered = Counter(one.key() for one in read(servers, "decisions", 6))
    assert answered == {str(number).encode(): 1 for number in range(6)}

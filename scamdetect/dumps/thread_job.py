"""Judge the threads of a job whose rows are scored, bucket by bucket, so that it can go on."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from scamdetect.dumps.columns import Grouping
from scamdetect.dumps.thread_buckets import bucket_count, divide, read_bucket
from scamdetect.dumps.thread_messages import Extent, extent
from scamdetect.dumps.thread_rows import judge, thread_schema
from scamdetect.dumps.work import Work
from scamdetect.prediction import ConversationDetector

Tell = Callable[[float, bool], None]  # the share that is judged, whether a bucket just ended


def judge_threads(
    work: Work,
    grouping: Grouping,
    detector: ConversationDetector,
    me: str | None,
    check_stop: Callable[[], None],
    tell: Tell,
) -> Extent:
    """Judge what no finished bucket holds yet, and return how much there is in threads.

    ``check_stop`` is called before each bucket. Raises OSError, InputError on a damaged
    part, and what ``check_stop`` raises.
    """
    found = extent(work.messages(), me)
    count, finished = bucket_count(found.bytes), len(work.state.buckets)
    if finished == count:
        return found
    # How they are divided depends on the dump alone, so what is finished stays so.
    buckets = [None if n < finished else work.bucket(n) for n in range(count)]
    done = sum(divide(work.messages(), buckets)[:finished])
    for number in range(finished, count):
        check_stop()
        bucket = read_bucket(work.bucket(number))
        tables = [thread_schema(grouping).empty_table()]
        for table, messages in judge(bucket, grouping, detector, me):
            tables.append(table)
            done += messages
            tell(done / found.messages, False)
        work.finish_bucket(pa.concat_tables(tables))
        tell(done / max(found.messages, 1), True)
    return found

"""Small Parquet and Arrow files for test/unit/data, written by pyarrow (26.0.1).

python3 make_parquet.py
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

OUT = Path(__file__).parents[2] / "test/fixtures/data"
SUMS = pa.table(
    {
        "id": pa.array([9007199254740993, 9007199254740995, 9007199254740997], pa.int64()),
        "question": ["What is 4 + 5?", "Was heißt „Bär“?", None],
        "answer": ["9", "bear 🐻", "nothing asked"],
    }
)
TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
CHAT = pa.table(
    {
        "messages": pa.array(
            [
                [{"role": "user", "content": "Name a river."}, {"role": "assistant", "content": "The Aare."}],
                [{"role": "user", "content": "Another?"}, {"role": "assistant", "content": "The Rhine."}],
            ],
            pa.list_(TURN),
        )
    }
)
# What `datasets` keeps of a Sequence of dicts: one list for each field.
COLUMNS = pa.table(
    {
        "conversations": pa.array(
            [
                {"from": ["human", "gpt"], "value": ["Name a lake.", "Lake Thun."]},
                {"from": ["human", "gpt"], "value": ["Another?", "Lake Biel."]},
            ],
            pa.struct([("from", pa.list_(pa.string())), ("value", pa.list_(pa.string()))]),
        )
    }
)

OUT.mkdir(parents=True, exist_ok=True)
for codec in ["snappy", "gzip", "none", "zstd"]:
    pq.write_table(SUMS, OUT / f"sums-{codec}.parquet", compression=codec, row_group_size=2)
pq.write_table(SUMS, OUT / "sums-v2.parquet", data_page_version="2.0", use_dictionary=False, compression="none")
pq.write_table(CHAT, OUT / "chat.parquet")
pq.write_table(COLUMNS, OUT / "chat-columns.parquet")
feather.write_feather(SUMS, OUT / "sums.arrow", compression="uncompressed")

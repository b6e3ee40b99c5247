"""Examples from files and tables, in parts that do not leak into each other; and the data that Burnish ships or knows the shape of."""

from burnish.datasets.colors import Colors
from burnish.datasets.data_loader import DataLoader
from burnish.datasets.dataset import Dataset
from burnish.datasets.files import read_csv, read_json, read_parquet
from burnish.datasets.frames import from_frame, from_huggingface
from burnish.datasets.gsm8k import GSM8K
from burnish.datasets.hotpotqa import HotPotQA
from burnish.datasets.jsonl import read_jsonl
from burnish.datasets.splitting import Split, split
from burnish.stages.leaks import Leak, Leaks, leaks
from burnish.values.held_out import TestSet

__all__ = [
    "GSM8K",
    "Colors",
    "DataLoader",
    "Dataset",
    "HotPotQA",
    "Leak",
    "Leaks",
    "Split",
    "TestSet",
    "from_frame",
    "from_huggingface",
    "leaks",
    "read_csv",
    "read_json",
    "read_jsonl",
    "read_parquet",
    "split",
]

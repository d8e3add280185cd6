"""The database: PostgreSQL of our own when nobody names another, and the tables of every room."""

from closeout.cluster.databases import connect, keyring_url, prepare, with_name
from closeout.cluster.errors import ClusterError
from closeout.cluster.places import data_dir
from closeout.cluster.supervisor import Cluster, Status, embedded, ensure

__all__ = [
    "Cluster",
    "ClusterError",
    "Status",
    "connect",
    "data_dir",
    "embedded",
    "ensure",
    "keyring_url",
    "prepare",
    "with_name",
]

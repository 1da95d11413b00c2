"""A stand-in of ElastiCache Serverless for Valkey as it is reached over the internet: TLS 1.3, and IAM lets in."""

from devkit.elasticache.standin import CacheStandIn, LoginRefusal
from devkit.elasticache.tokens import RoleKey

__all__ = ["CacheStandIn", "LoginRefusal", "RoleKey"]

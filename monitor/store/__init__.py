"""What is kept: plain functions on a connection, one module a topic.

Functions take a connection and never commit; the caller's transaction decides. Only
``engine`` opens files and only ``writer`` runs transactions that write.
"""

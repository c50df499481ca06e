"""The whole gateway on one machine: embedded servers from wheels and every service process under one supervisor.

Nothing here is used in a cluster; the service code and the SQL are the same in both.
"""

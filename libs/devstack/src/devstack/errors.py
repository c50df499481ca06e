"""The root of what can go wrong here. Every message is for a person: what happened, and what to do or where to look.

DevstackError
├─ DataFolderError, SecretsFileError, NoFreePortError     before anything starts
├─ ServerError, ProvisionError                            an embedded or given server
├─ CommandError                                           a migration, the bootstrap, a build
├─ StartError                                             a process that does not become ready
├─ PortalError                                            no portal; the stack goes on without
└─ AdminApiError                                          `omg demo-data` talking to the running stack
"""


class DevstackError(Exception):
    """Something a person has to know; no traceback helps with it."""

"""Where settings come from: the environment, files of secrets, one YAML file for all processes, and their defaults.

`keys` says which settings a class has, `document` reads YAML with its lines, `given` gathers what is set and from where, `known`
tells keys that do not exist, `command` is `config check` and `config show`. What the settings mean is in each service's `settings`.
"""

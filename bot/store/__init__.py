"""The database behind one door: verbs in, frozen values out.

`store` opens it and hands out transactions; `signals`, `incidents`, `alerts`, `remediations` and `memory` hold the verbs, each
a function of a transaction; `runbooks` reads the folder of runbooks. No caller sees a row.
"""

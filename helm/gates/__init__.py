"""What makes the manifests trustworthy: each gate looks at rendered objects and says what is wrong.

`python -m helm.gates` runs them all; the tests call them one by one, and with objects broken on purpose.
"""

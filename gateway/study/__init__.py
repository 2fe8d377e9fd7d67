"""What a trial is: sites, sources, data domains, profiles, roles, clients, Consent templates, participants.

A study is a folder: `study.yaml`, `participants.yaml`, one `Consent-<template>.json` a template, and the study's own
StructureDefinitions and Questionnaires. It is checked as a whole when it is loaded; every fault comes with file, line
and column. `Study.enrolment` gives the FHIR resources that the study begins with. Start with `Studies.load`.
"""

from gateway.study.enrolment import withdraw
from gateway.study.parts import Client, Participant
from gateway.study.study import Studies, Study, check

__all__ = ["Client", "Participant", "Studies", "Study", "check", "withdraw"]

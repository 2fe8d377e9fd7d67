"""De-identification on the way out: an allow list of rules, keyed hashes and shifted dates, one walk a resource.

`load_policy` reads a policy file, `study_key` the secrets of a study, `Deidentifier.apply` says what may leave of a
resource. Two policies come with the product, `safe-harbor` and `research-pseudonymised` (`shipped_policies`).
"""

from gateway.export.deidentify.deidentifier import Deidentifier
from gateway.export.deidentify.installed import Deidentifiers
from gateway.export.deidentify.keys import StudyKey, study_key
from gateway.export.deidentify.policy import Policy, load_policy
from gateway.export.deidentify.shipped import shipped_policies

__all__ = ["Deidentifier", "Deidentifiers", "Policy", "StudyKey", "load_policy", "shipped_policies", "study_key"]

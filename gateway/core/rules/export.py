"""Rules of the area `export`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "export.foreign-file": Rule(
        "error",
        "conflict",
        "The folder holds {name}, which no earlier export wrote",
        "Export into an empty folder, or into one that holds an export",
    ),
    "export.remote-extra": Rule(
        "error",
        "not-supported",
        "This address needs {name}, which is not installed",
        "Install trial-fhir-gateway[remote]; for s3:// the package s3fs, for gs:// gcsfs, for abfs:// adlfs",
    ),
    "export.remote-address": Rule(
        "error", "value", "The address is none that files can be written under", "As s3://bucket/folder"
    ),
    "export.remote-failed": Rule(
        "error",
        "transient",
        "The files could not be written there; there is no manifest, so nothing is published",
        "Look after its rights, room and network, and export again",
    ),
    "export.cdisc-domain": Rule(
        "error",
        "invalid",
        "The SDTM dataset file needs {expected} here",
        "See docs/howto/cdisc.md for the keys of such a file",
    ),
    "export.view-element": Rule(
        "error",
        "invalid",
        "The ViewDefinition needs {expected} here",
        "See https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html",
    ),
    "export.view-column-twice": Rule(
        "error",
        "duplicate",
        "The view has several columns {column}",
        "Give each column a name of its own",
    ),
    "export.view-several": Rule(
        "error",
        "multiple-matches",
        "The path of column {column} gives several values of one resource",
        "Choose one (first(), where(...)), iterate with forEach, or set collection to true",
    ),
    "export.view-value": Rule(
        "error",
        "value",
        "Column {column} takes {expected}, and its path gives something else",
        "Correct the column's path, its type or its tag ansi/type",
    ),
    "export.view-too-many": Rule(
        "error",
        "too-costly",
        "One resource gives more than {limit} rows or nodes",
        "Iterate over fewer things in one view",
    ),
    "export.table-format": Rule(
        "error",
        "not-supported",
        "The file's ending names no format of tables",
        "Use one of {known}",
    ),
    "export.table-extra": Rule(
        "error",
        "not-supported",
        "This format needs {name}, which is not installed",
        "Install trial-fhir-gateway[tables]",
    ),
    "export.view-which": Rule(
        "error",
        "required",
        "Exactly one view is to be named: by the address, by viewReference or by viewResource",
        "Send viewReference ViewDefinition/[name] of a view of the study, or a viewResource by POST",
    ),
    "export.view-unknown": Rule(
        "error", "not-found", "The study has no such view", "gateway view list --study STUDY names them"
    ),
    "export.view-given": Rule(
        "error",
        "invalid",
        "patient, group and _since select what is stored, and resources came with the request",
        "Leave one of both out",
    ),
    "export.view-resource": Rule(
        "error", "processing", "The view cannot be evaluated over a resource of the request", "Validate the resource"
    ),
    "export.view-rows": Rule(
        "error",
        "too-costly",
        "The view has more than {limit} rows",
        "Send _limit, patient, group or _since, or use gateway view run",
    ),
    "export.view-file": Rule(
        "error",
        "invalid",
        "The file is no ViewDefinition that can run: {count} faults",
        "Correct the places that follow",
    ),
    "export.query-element": Rule(
        "error",
        "invalid",
        "The query needs {expected} here",
        "See https://sql-on-fhir.org/ig/latest/StructureDefinition-SQLQuery.html",
    ),
    "export.query-annotation": Rule(
        "error",
        "invalid",
        "The annotation @{name} is unknown, said twice, or not of its form",
        "@param: name type, @relatedDependency: address as label, @name, @title, @url, @type: once",
    ),
    "export.query-file": Rule(
        "error",
        "invalid",
        "The file is no query: {count} faults",
        "Correct the places that follow",
    ),
    "export.query-name": Rule(
        "error", "duplicate", "The study has several views or queries {name}", "Give each a name of its own"
    ),
    "export.query-view": Rule(
        "error",
        "not-found",
        "The study has no view, and no query for others to read (SQLView), with the address {url}",
        "Write the url of a file in the study's folder views/, or of a sql-view in queries/",
    ),
    "export.query-cycle": Rule(
        "error",
        "invalid",
        "Queries stand on each other in a circle: {circle}",
        "Let one of them stand on views alone",
    ),
    "export.query-deep": Rule(
        "error", "too-costly", "The query stands on more than {limit} tables", "Join fewer views in one query"
    ),
    "export.query-sql": Rule(
        "error", "invalid", "The SQL cannot run: {reason}", "Correct it; its tables are the labels of relatedArtifact"
    ),
    "export.query-table": Rule(
        "error",
        "not-found",
        "The SQL reads a table {name}; the query has {known}",
        "Add a relatedArtifact of the type depends-on with that label",
    ),
    "export.query-statement": Rule(
        "error",
        "not-supported",
        "A query is one SELECT over its own tables; it has {found}",
        "Leave out other statements, files, schemas, samples, recursion and table functions",
    ),
    "export.query-function": Rule(
        "error",
        "not-supported",
        "The function {name} is unknown, or does not look at its arguments alone",
        "Use functions of DuckDB that give the same result each time; take dates as parameters",
    ),
    "export.query-column": Rule(
        "error",
        "not-supported",
        "Column {column} has no plain name, or values that no file of tables holds",
        "Name it (AS ...), and cast it: VARCHAR, BIGINT, DOUBLE, DECIMAL, BOOLEAN, DATE or TIMESTAMPTZ",
    ),
    "export.query-parameter": Rule(
        "error",
        "value",
        "The query's parameter {name} needs {expected}",
        "gateway view list --study STUDY names them",
    ),
    "export.query-run": Rule(
        "error",
        "processing",
        "The SQL fails over these data: {kind}",
        "Cast with TRY_CAST, and divide with care (nullif)",
    ),
    "export.query-time": Rule(
        "error", "too-costly", "The SQL took longer than {seconds} seconds", "Ask for less, or write it otherwise"
    ),
    "export.query-room": Rule(
        "error", "no-store", "There is no memory or room on the disk for the query", "Ask for less, or make room"
    ),
    "export.policy-file": Rule(
        "error",
        "structure",
        "The policy is no JSON or YAML",
        "Write it as JSON, or as YAML 1.2",
    ),
    "export.policy-element": Rule(
        "error",
        "invalid",
        "The policy needs {expected} here",
        "See docs/reference/deidentification.md",
    ),
    "export.deidentify": Rule(
        "error",
        "processing",
        "A resource cannot be de-identified: it has no known type, too many levels, or a value of another shape",
        "Validate it, or let the policy say processingErrors: skip",
    ),
    "export.key": Rule(
        "error",
        "security",
        "The study's key of de-identification is damaged, or others can read it",
        "Restore it, with the rights 0600, from where it is kept",
    ),
    "export.running": Rule(
        "error",
        "throttled",
        "The client has {limit} export running in this study",
        "Wait until it is done, or end it with DELETE of its status address",
    ),
    "export.unknown": Rule(
        "error",
        "not-found",
        "There is no such export or file",
        "Start an export with $export; what is done is kept for the time that Expires tells",
    ),
    "export.consents-change": Rule(
        "error", "transient", "Consents of the study changed meanwhile", "Ask for the file again"
    ),
    "export.attempts": Rule(
        "error", "exception", "The export ended several times before it was done", "Tell the operator; start it again"
    ),
    "export.disk-full": Rule(
        "error", "no-store", "There is no room for the files of the export", "Tell the operator; ask for less"
    ),
    "export.disk": Rule(
        "error", "exception", "The files of the export could not be written", "Tell the operator; start it again"
    ),
    "export.asynchronous": Rule("error", "invalid", "An export is answered later only", "Send Prefer: respond-async"),
    "export.parameter": Rule(
        "error",
        "not-supported",
        "$export does not take {parameter} here",
        "Leave it out, or send Prefer: handling=lenient",
    ),
    "export.parameter-value": Rule("error", "value", "{parameter} has no value that is understood", "{expected}"),
    "export.patient-by-post": Rule(
        "error",
        "not-supported",
        "Patients are named in the body of a POST only, and not at system level",
        "Send Parameters to Patient/$export or Group/[id]/$export",
    ),
    "export.type": Rule(
        "error", "value", "_type names what cannot be exported here", "Give types of R4 that this level has"
    ),
    "export.type-filter": Rule(
        "error",
        "not-supported",
        "_typeFilter is no search that an export can use",
        "Type?parameter=value, without parameters of the result, of a type that is exported",
    ),
    "export.group-small": Rule(
        "error",
        "forbidden",
        "De-identified data of a Group need {limit} members, or more",
        "Ask the study for a larger Group, or export the study",
    ),
    "export.filter-deidentified": Rule(
        "error",
        "forbidden",
        "This role is given de-identified data, and cannot choose by _typeFilter or patient",
        "Leave them out, and choose from what comes",
    ),
    "export.left-aside": Rule("warning", "not-supported", "{parameter} was left aside", "The export is without it"),
    "export.aggregate-question": Rule(
        "error",
        "invalid",
        "The table needs columns to group by, each once, and a minimum of at least 2",
        "Say --by column,column --min-cell 5",
    ),
    "export.aggregate-column": Rule(
        "error", "value", "{column} is not {expected}", "gateway view list --study STUDY names a view's columns"
    ),
    "export.aggregate-groups": Rule(
        "error", "too-costly", "The table would have more than {limit} groups", "Group by fewer or coarser columns"
    ),
    "export.deidentified-only": Rule(
        "error",
        "forbidden",
        "This role is given de-identified data alone, by an export",
        "Start an export with $export, or ask for a role without `deidentify` in the study file",
    ),
    "export.policy-unknown": Rule(
        "error",
        "not-found",
        "A role of the study is de-identified by a policy that is not installed: {name}",
        "Name a policy of profiles/gateway/deidentification, or put yours there in one of GATEWAY_ASSET_DIRS",
    ),
    "export.flat-file": Rule(
        "error", "structure", "The file cannot be read as a table", "Give a file that gateway view run wrote"
    ),
}

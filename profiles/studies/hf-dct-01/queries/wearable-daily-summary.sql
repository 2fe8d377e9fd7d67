/*
@name: wearable_daily_summary
@title: Wearables by participant, device, local day, measure and unit: count, min, mean, max, sum, first, last, minutes
@url: urn:trial-fhir-gateway:study:hf-dct-01:query:wearable-daily-summary
@status: active
@relatedDependency: urn:trial-fhir-gateway:study:hf-dct-01:view:wearable-values as measured
*/
-- A day is the one that the source's clock told; what spans midnight is of the day of its start.
-- minutes: how many different minutes values or their periods (a day of each at most) touch; none without times.
WITH timed AS (
    SELECT
        *,
        CASE WHEN contains(effective, 'T') THEN TRY_CAST(effective AS TIMESTAMPTZ) END AS start,
        CASE WHEN contains(effective_end, 'T') THEN TRY_CAST(effective_end AS TIMESTAMPTZ) END AS stop
    FROM measured
    WHERE value IS NOT NULL AND comparator IS NULL
),
touched AS (
    SELECT
        patient, device, day, system, code, unit,
        unnest(range(
            date_trunc('minute', start),
            greatest(start + INTERVAL 1 MICROSECOND, least(coalesce(stop, start), start + INTERVAL 1 DAY)),
            INTERVAL 1 MINUTE
        )) AS minute
    FROM timed
    WHERE start IS NOT NULL
),
covered AS (
    SELECT patient, device, day, system, code, unit, count(DISTINCT minute) AS minutes
    FROM touched
    GROUP BY ALL
),
summed AS (
    SELECT
        patient, device, day, system, code, unit,
        any_value(display) AS display,
        count(*) AS count,
        min(value) AS min,
        avg(value) AS mean,
        max(value) AS max,
        sum(value) AS sum,
        arg_min(value, (start, id)) AS first,
        arg_max(value, (start, id)) AS last,
        arg_min(effective, (start, id)) AS first_time,
        arg_max(effective, (start, id)) AS last_time
    FROM timed
    GROUP BY patient, device, day, system, code, unit
)
SELECT summed.*, covered.minutes
FROM summed
LEFT JOIN covered
    ON summed.patient IS NOT DISTINCT FROM covered.patient
    AND summed.device IS NOT DISTINCT FROM covered.device
    AND summed.day IS NOT DISTINCT FROM covered.day
    AND summed.system IS NOT DISTINCT FROM covered.system
    AND summed.code IS NOT DISTINCT FROM covered.code
    AND summed.unit IS NOT DISTINCT FROM covered.unit
ORDER BY patient, day, device, system, code, unit

-- The response to a bout and the resting level are different quantities: IL-6 rises up to 100-fold in the
-- one and falls with training in the other. No end of a response may be a sample without a bout, and no end
-- of a change at rest one of a bout; nor may a response compare samples of two bouts.
with samples as (
    select
        sample_number,
        study_id,
        sample_id,
        kind,
        bout_number,
        role
    from {{ ref('int_biomarkers__samples') }}
),

ends as (
    select distinct
        'acute' as kind,
        'baseline' as role,
        sample_number,
        bout_number
    from {{ ref('int_biomarkers__acute_baselines') }}
    union all
    select distinct
        'acute' as kind,
        'response' as role,
        sample_number,
        bout_number
    from {{ ref('int_biomarkers__acute_ends') }}
    where sample_number is not null
    union all
    select distinct
        'resting' as kind,
        null as role,
        baseline_sample_number as sample_number,
        null as bout_number
    from {{ ref('int_biomarkers__resting_ends') }}
    where baseline_sample_number is not null
    union all
    select distinct
        'resting' as kind,
        null as role,
        sample_number,
        null as bout_number
    from {{ ref('int_biomarkers__resting_ends') }}
    where sample_number is not null
),

mixed_ends as (
    select
        samples.study_id,
        samples.sample_id,
        ends.kind
    from ends
    inner join samples on ends.sample_number = samples.sample_number
    where
        ends.kind <> samples.kind
        or ends.role <> samples.role
        or ends.bout_number <> samples.bout_number
)

select
    study_id,
    sample_id,
    kind
from mixed_ends
union all
select
    study_id,
    sample_id,
    kind
from {{ ref('result') }}
where (kind = 'acute') <> (bout_id <> '')

-- Grain: one analyte of a plate that breaks a limit.
--
-- What is to be done with a plate.
--   1. A figure breaks the limit of reference.assay_limits that has its name when it is larger, either way
--      for the drift; a figure that is not known breaks none.
--   2. The plate fails when a broken limit says so, otherwise it is to be reviewed. Its rule names every
--      broken limit with its figure.

with figures as (
    {%- for figure in [
        'share_below_limit_pct', 'baseline_share_below_limit_pct', 'samples_over_cv_pct',
        'single_replicate_pct', 'drift_pct'
    ] %}
        select
            study_id,
            plate_id,
            analyte_id,
            '{{ figure }}' as limit_id,
            {{ figure }} as figure
        from {{ ref('int_assay__plate_figures') }}
        where {{ figure }} is not null
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

broken as (
    select
        figures.study_id,
        figures.plate_id,
        figures.analyte_id,
        figures.limit_id,
        limits.verdict,
        figures.limit_id || ' is ' || {{ figure_text('figures.figure') }}
        || ', at most ' || {{ figure_text('limits.largest_value') }} as rule
    from figures
    inner join {{ ref('assay_limits') }} as limits on figures.limit_id = limits.limit_id
    where abs(figures.figure) > limits.largest_value and limits.verdict in ('review', 'fail')
)

select
    study_id,
    plate_id,
    analyte_id,
    case when count(case when verdict = 'fail' then 1 end) > 0 then 'fail' else 'review' end as verdict,
    {{ joined_text('rule', '; ', 'limit_id') }} as rule
from broken
group by study_id, plate_id, analyte_id

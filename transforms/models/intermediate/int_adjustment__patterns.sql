-- Grain: one covariate of a combination of covariate values that somebody has, by study.
--
-- What the patterns of int_adjustment__stays say: kind and value (`level`, as text) of each covariate of the
-- adjusted model.
{{ config(materialized='table') }}

select distinct
    patterns.study_id,
    patterns.pattern,
    levels.covariate,
    levels.position,
    levels.kind,
    levels.level
from {{ ref('int_profiles__pattern') }} as patterns
inner join {{ ref('int_profiles__level') }} as levels
    on
        patterns.profile_number = levels.profile_number
        and patterns.used_for = levels.used_for
where
    patterns.used_for = 'adjustment'
    and patterns.is_known

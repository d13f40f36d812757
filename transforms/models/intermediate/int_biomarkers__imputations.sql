-- Grain: one imputation, a policy or `none`, and what it is computed as.
--
-- By which computation an imputation is found.
--   1. Every policy, and `none`, by its own: imputed_as is its name.
--   2. Where no result of a bout (or of a participant at rest) lies beyond a limit, all imputations agree
--      and are computed once: imputed_as is `any`.

with imputations as (
    select
        imputation,
        true as is_policy,
        is_default,
        keeps_numbers_beyond_limit
    from {{ ref('imputation_policies') }}
    union all
    select
        'none' as imputation,
        false as is_policy,
        false as is_default,
        false as keeps_numbers_beyond_limit
)

select
    imputation as imputed_as,
    imputation,
    is_policy,
    is_default,
    keeps_numbers_beyond_limit
from imputations
union all
select
    'any' as imputed_as,
    imputation,
    is_policy,
    is_default,
    keeps_numbers_beyond_limit
from imputations

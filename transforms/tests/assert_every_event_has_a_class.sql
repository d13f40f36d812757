-- A type of event or cause of death that the reference does not know would drop out of every endpoint.
with recorded as (
    select distinct
        'disease_events' as record,
        event_type as record_value
    from {{ ref('stg_disease_events') }}
    union all
    select distinct
        'deaths' as record,
        cause as record_value
    from {{ ref('stg_deaths') }}
)

select
    recorded.record,
    recorded.record_value
from recorded
left join {{ ref('event_classes') }} as classes
    on
        recorded.record = classes.record
        and recorded.record_value = classes.record_value
where classes.event_class is null

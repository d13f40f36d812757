{# A table has one row for each key: returns the keys that have more. #}
{% test unique_combination_of_columns(model, combination) %}

select
    {{ combination | join(',\n    ') }},
    count(*) as n_rows
from {{ model }}
group by {{ combination | join(', ') }}
having count(*) > 1

{% endtest %}

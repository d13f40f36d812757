{# The finite number a text says (12.3, 1e-4), else null; nan and the like, which a cast takes, are none. #}
{% macro number_of_text(text) -%}
    {{ adapter.dispatch('number_of_text')(text) }}
{%- endmacro %}

{% macro duckdb__number_of_text(text) -%}
    case when isfinite(try_cast({{ text }} as double)) then try_cast({{ text }} as double) end
{%- endmacro %}

{% macro spark__number_of_text(text) -%}
    case
        when abs(try_cast({{ text }} as double)) < cast('Infinity' as double)
            then try_cast({{ text }} as double)
    end
{%- endmacro %}

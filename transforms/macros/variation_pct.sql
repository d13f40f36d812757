{# Coefficient of variation (percent) by the sample standard deviation: two numbers or more, mean above 0. #}
{% macro variation_pct(numbers, n_numbers, mean_number) -%}
    case
        when {{ n_numbers }} > 1 and {{ mean_number }} > 0
            then
                100
                * sqrt({{ sum_of_squares_about(numbers, mean_number) }} / ({{ n_numbers }} - 1))
                / {{ mean_number }}
    end
{%- endmacro %}

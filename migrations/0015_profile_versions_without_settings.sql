-- Versions of profiles kept the whole of crossdock.toml as their last layer, and with it perhaps the password of the
-- database. Of that layer only the name and the tables of [site.…] stay.
with layer as (
    select
        id,
        left(resolved, length(resolved) - position(chr(30) in reverse(resolved)) + 1) as before,
        right(resolved, position(chr(30) in reverse(resolved)) - 1) as site
    from profile_version
    where position(chr(30) in resolved) > 0
),

line as (
    select
        layer.id,
        said.text,
        said.number,
        -- How many headers stand before: 0 is the name of the layer and what no section holds.
        count(*) filter (where said.text ~ '^\s*\[') over (partition by layer.id order by said.number) as section
    from layer
    cross join lateral string_to_table(layer.site, E'\n') with ordinality as said (text, number)
),

kept as (
    select
        line.id,
        string_agg(line.text, E'\n' order by line.number) as site
    from line
    where
        line.number = 1
        or exists (
            select from line as header
            where
                header.id = line.id
                and header.section = line.section
                and header.section > 0
                and header.text ~ '^\s*\[+\s*"?site"?\s*\.'
        )
        or (line.section = 0 and line.text ~ '^\s*"?site"?\s*\.')
    group by line.id
)

update profile_version
set resolved = layer.before || kept.site || E'\n'
from layer
inner join kept on layer.id = kept.id
where profile_version.id = layer.id;

//! One declaration per record: the struct, its field ids and descriptions, and its JSON form.

/// Declares a group of fields: the struct, its [`Shape`](super::Shape) and access by field id.
macro_rules! record {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident: $ty:ty, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[doc = $doc])+
                #[serde(skip_serializing_if = "super::field::is_default")]
                pub $field: $ty,
            )+
        }

        const _: () = {
            use super::field::{Field, FieldShape, FieldType, Group, Mismatch, Shape, Typed, Value, mismatch};

            #[expect(non_camel_case_types, reason = "named after the fields, whose places they are")]
            #[derive(Clone, Copy)]
            enum Id { $($field),+ }

            static SHAPE: Shape = Shape {
                name: stringify!($name),
                about: concat!($($about),+).trim_ascii(),
                fields: &[$(FieldShape {
                    name: stringify!($field),
                    about: concat!($($doc),+).trim_ascii(),
                    holds: <$ty as Typed>::HOLDS,
                }),+],
            };

            impl Group for $name {
                fn shape(&self) -> &'static Shape {
                    &SHAPE
                }
                fn field(&self, id: usize) -> &dyn Field {
                    $(if id == Id::$field as usize { return &self.$field; })+
                    panic!("{} has no field {id}", SHAPE.name)
                }
                fn field_mut(&mut self, id: usize) -> &mut dyn Field {
                    $(if id == Id::$field as usize { return &mut self.$field; })+
                    panic!("{} has no field {id}", SHAPE.name)
                }
            }

            impl $name {
                /// The fields, with what each holds and means.
                #[must_use]
                pub fn fields() -> &'static Shape {
                    &SHAPE
                }
            }

            impl Field for $name {
                fn is_blank(&self) -> bool {
                    Group::is_blank(self)
                }
                fn set(&mut self, value: Value) -> Result<(), Mismatch> {
                    Err(mismatch(&value, "a group of fields"))
                }
                fn group(&self) -> Option<&dyn Group> {
                    Some(self)
                }
                fn group_mut(&mut self) -> Option<&mut dyn Group> {
                    Some(self)
                }
            }
            impl Typed for $name {
                const HOLDS: FieldType = FieldType::Group(|| &SHAPE);
            }

            impl Field for Vec<$name> {
                fn is_blank(&self) -> bool {
                    Vec::is_empty(self)
                }
                fn set(&mut self, value: Value) -> Result<(), Mismatch> {
                    Err(mismatch(&value, "a list"))
                }
                fn len(&self) -> usize {
                    Vec::len(self)
                }
                fn item(&self, index: usize) -> Option<&dyn Group> {
                    self.as_slice().get(index).map(|item| item as &dyn Group)
                }
                fn push(&mut self) -> Option<&mut dyn Group> {
                    Vec::push(self, $name::default());
                    self.as_mut_slice().last_mut().map(|item| item as &mut dyn Group)
                }
                fn reserve(&mut self, items: usize) {
                    Vec::reserve_exact(self, items);
                }
                fn pop(&mut self) {
                    self.truncate(self.as_slice().len().saturating_sub(1));
                }
            }
            impl Typed for Vec<$name> {
                const HOLDS: FieldType = FieldType::List(|| &SHAPE);
            }
        };
    };
}

/// Declares a closed list of words.
macro_rules! words {
    (
        $(#[doc = $about:literal])+
        pub enum $name:ident {
            $( $(#[doc = $doc:literal])+ $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $( $(#[doc = $doc])+ #[serde(rename = $word)] $variant, )+
        }

        impl $name {
            /// Every word of the list.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word for it, in snake case.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = super::field::Mismatch;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(super::field::Mismatch {
                        value: text.to_owned(),
                        expected: format!("one of {}", Self::WORDS.join(", ")),
                    }),
                }
            }
        }

        impl super::field::Field for Option<$name> {
            fn is_blank(&self) -> bool {
                self.is_none()
            }
            fn get(&self) -> Option<super::field::Value> {
                self.map(|word| super::field::Value::Text(word.word().to_owned()))
            }
            fn set(&mut self, value: super::field::Value) -> Result<(), super::field::Mismatch> {
                *self = Some(match value {
                    super::field::Value::Text(text) => text.parse()?,
                    other => other.to_string().parse()?,
                });
                Ok(())
            }
        }
        impl super::field::Typed for Option<$name> {
            const HOLDS: super::field::FieldType = super::field::FieldType::Code($name::WORDS);
        }
    };
}

pub(super) use {record, words};

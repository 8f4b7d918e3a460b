//! The graders: one file each.
//!
//! Whoever reads rubrics makes them, with decisions, tools and components by position.

mod balanced_accuracy;
mod budget;
mod close;
mod collateral;
mod completion;
mod deadline;
mod efficiency;
mod exact;
mod expression;
mod injection;
mod invalid_actions;
mod judge;
mod keywords;
mod matrix;
mod overlap;
mod plugin;
mod rank_correlation;
mod steps;
mod text_shape;
mod tool_calls;
mod unfinished;

pub use balanced_accuracy::BalancedAccuracy;
pub use budget::Budget;
pub use close::Close;
pub use collateral::Collateral;
pub use completion::Completion;
pub use deadline::Deadline;
pub use efficiency::Efficiency;
pub use exact::Exact;
pub use expression::Expression;
pub use injection::Injection;
pub use invalid_actions::InvalidActions;
pub use judge::{JudgeGrader, Prompt};
pub use keywords::{KeywordLimits, KeywordPool, Keywords};
pub use matrix::Matrix;
pub use overlap::{Overlap, Share};
pub use plugin::PluginGrader;
pub use rank_correlation::RankCorrelation;
pub use steps::Steps;
pub use text_shape::{Measure, TextShape};
pub use tool_calls::ToolCalls;
pub use unfinished::Unfinished;
